"""Specs of all shapes, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from aqueduct_core.dag import FlowSpec, Input, OperatorSpec, ParameterSpec, Settings

texts = st.text(max_size=5)
names = st.text("abc-. é", min_size=1, max_size=4)
digests = st.sampled_from(["blake3:" + digit * 64 for digit in "abc"])
plain: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
settings = st.builds(
    Settings,
    requirements=st.none() | st.lists(names, max_size=2).map(tuple),
    python=st.none() | st.sampled_from(["3.11", "3.12"]),
    resources=st.dictionaries(texts, plain, max_size=1),
    retries=st.integers(0, 3),
    timeout=st.none() | st.floats(0, 9),
    cache=st.booleans(),
)
functions = st.fixed_dictionaries(
    {
        "digest": digests,
        "source": st.none() | st.sampled_from(["def f(): ...\n", "def g():\n    return 1\n"]),
        "helpers": st.dictionaries(names, texts, max_size=1),
        "values": st.dictionaries(names, texts, max_size=1),
    }
)
queries = st.fixed_dictionaries({"integration": names, "query": texts})
presets = st.builds(lambda name: {"preset": {"name": name}}, names)


@st.composite
def parameters(draw: st.DrawFn, name: str) -> ParameterSpec:
    value = {"value": draw(plain)}
    if draw(st.booleans()):
        value = {
            "artifact": {"key": draw(names), "type": "table", "size": 1},
            "digest": draw(digests),
        }
    return ParameterSpec(
        name=name,
        value=value,
        type=draw(names),
        implicit=draw(st.booleans()),
        description=draw(texts),
    )


@st.composite
def flow_specs(draw: st.DrawFn) -> FlowSpec:
    """Specs whose operators take what comes before them."""
    operators: dict[str, OperatorSpec] = {}
    given = draw(st.lists(names, max_size=2, unique=True))
    inputs = [Input(name, None) for name in given]
    for name in draw(st.lists(names, max_size=5, unique=True)):
        outputs = draw(st.sampled_from([("output",), ("a", "b"), ()]))
        chosen = st.lists(st.sampled_from(inputs), max_size=2) if inputs else st.just([])
        args = draw(chosen)
        operators[name] = OperatorSpec(
            name=name,
            kind=draw(st.sampled_from(["op", "metric", "check", "query", "save"])),
            task=draw(functions | queries | presets),
            args=tuple(args[:1]),
            kwargs={f"k{i}": item for i, item in enumerate(args[1:])},
            outputs=outputs,
            after=tuple(sorted(draw(st.sets(st.sampled_from([*operators]), max_size=1))))
            if operators
            else (),
            severity=draw(st.sampled_from([None, "error"])),
            settings=draw(settings),
            description=draw(texts),
        )
        inputs += [Input(name, output) for output in outputs]
        inputs += [Input(name, output, ("a", "b")) for output in outputs]
    return FlowSpec(
        name=draw(names),
        description=draw(texts),
        engine=draw(names),
        schedule=draw(st.none() | st.just({"kind": "hourly", "minute": 1, "timezone": "UTC"})),
        after=draw(st.none() | names),
        python="3.11",
        parameters={name: draw(parameters(name)) for name in given},
        operators=operators,
    )
