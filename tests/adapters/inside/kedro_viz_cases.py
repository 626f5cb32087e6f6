"""Run with Kedro-Viz: what its API says of datasets in a project that has run. Prints JSON."""

import json
import sys
from pathlib import Path

import fsspec
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro_viz.api.rest.responses.save_responses import save_api_responses_to_fs
from kedro_viz.server import load_and_populate_data

URL = sys.argv[1]
PROJECT = Path("project").resolve()
FILES = {
    "pyproject.toml": """
[tool.kedro]
package_name = "shop"
project_name = "shop"
kedro_init_version = "1.7.0"
source_dir = "src"
""",
    "src/shop/__init__.py": "",
    "src/shop/settings.py": "",
    "src/shop/pipeline_registry.py": """
import pandas as pd
from kedro.pipeline import node, pipeline
from PIL import Image

def customers():
    return pd.DataFrame({"id": pd.array([1, None, 3], "Int64"), "x": [float("nan"), 1.5, 2.0]})

def summary(customers):
    return {"rows": len(customers), 1: (2,)}

def picture(customers):
    return Image.new("RGB", (40, 30), (255, 0, 0))

def register_pipelines():
    steps = [
        node(customers, None, "customers", name="make"),
        node(summary, "customers", "summary", name="summarize"),
        node(picture, "customers", "picture", name="draw"),
        node(lambda value: value, "summary", "never", name="later"),
    ]
    return {"__default__": pipeline(steps)}
""",
    "conf/local/.keep": "",
    "conf/base/parameters.yml": "{}",
    "conf/base/catalog.yml": json.dumps(
        {
            name: {
                "type": "aqueduct_core.adapters.kedro.AqueductDataset",
                "url": URL,
                "key": f"viz/{name}",
                "versioned": name == "customers",
                "metadata": {"kedro-viz": metadata},
            }
            for name, metadata in {
                "customers": {"layer": "raw", "preview_args": {"nrows": 2}},
                "summary": {"layer": "model"},
                "picture": {},
                "never": {},
            }.items()
        }
    ),
}

for name, text in FILES.items():
    (PROJECT / name).parent.mkdir(parents=True, exist_ok=True)
    (PROJECT / name).write_text(text)
bootstrap_project(PROJECT)
with KedroSession.create(project_path=PROJECT) as session:
    session.run(node_names=["make", "summarize", "draw"])

load_and_populate_data(PROJECT)
save_api_responses_to_fs("served", fsspec.filesystem("file"), True)
main = json.loads(Path("served/api/main").read_text())
seen = {
    node["name"]: json.loads((Path("served/api/nodes") / node["id"]).read_text())
    for node in main["nodes"]
    if node["type"] == "data"
}
print(json.dumps({"layers": main["layers"], **seen}))
