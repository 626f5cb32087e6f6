"""The version of this package, in one place, and how to get to another one."""

__version__ = "0.1.0"


def newer(package: str = "aqueduct-core") -> str:
    """The hint for what a newer release has written.

    Args:
        package: The name of a package, with the version that is needed: `acme 1.2`.
    """
    name, _, version = package.partition(" ")
    if name != "aqueduct-core":
        return f'pip install "{name}>={version}"' if version else f"pip install --upgrade {name}"
    which = f"aqueduct_core {version} or newer" if version else "a newer aqueduct_core"
    return f"install {which} from where this one came: on PyPI the name is another project's"
