"""A workspace as a team has it after a week: what browser tests look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import aqueduct_core as aq
from tests.engines.airflow.api_server import PASSWORD, USER, AirflowServer
from tests.engines.airflow.conftest import publish
from tests.engines.airflow.world import World

__all__ = ["Team", "fill", "gated", "sharded"]

PLANS = ["basic", "plus", "family", "business"]
STATES = ["CA", "NY", "TX", "WA", "IL"]


@dataclass(frozen=True)
class Team:
    """What is in the workspace.

    Attributes:
        churn: The workflow that goes well most of the time; two versions, several runs.
        broken: One that fails, with logs.
        gallery: One that makes an artifact of every type.
        remote: One that ran on an Airflow cluster.
    """

    churn: aq.client.Flow
    broken: aq.client.Flow
    gallery: aq.client.Flow
    remote: aq.client.Flow


def fill(client: aq.Client, airflow: AirflowServer) -> Team:
    """Publish and run some workflows."""
    warehouse = client.connect_integration(
        "prod_database", "sqlite", path=Path(client.home) / "prod.db"
    )
    with warehouse.transaction() as transaction:
        transaction.save(_customers(), "customers", "replace")
        transaction.save(_customers().head(20), "trial_users", "replace")
    _lake(client)
    return Team(
        _churn(client, warehouse),
        _broken(client, warehouse),
        _gallery(client),
        _remote(client, airflow),
    )


def sharded(client: aq.Client) -> aq.client.Flow:
    """A workflow with many operators that do the same."""

    @aq.op
    def source() -> int:
        return 3

    @aq.op
    def shard(number: int) -> int:
        return number

    @aq.op
    def join(*numbers: int) -> int:
        return sum(numbers)

    number = source()
    return client.publish_flow("Sharded", [join(*(shard(number) for _ in range(12)))], quiet=True)


def _lake(client: aq.Client) -> None:
    """A folder of files of all kinds."""
    from PIL import Image

    folder = Path(client.home) / "lake"
    for name in ("raw/2026/01", "raw/2026/02", "models", "reports"):
        (folder / name).mkdir(parents=True)
    client.connect_integration("data_lake", "filesystem", path=folder)
    _customers().to_parquet(folder / "raw/2026/01/customers.parquet")
    _customers().head(200).to_csv(folder / "raw/2026/customers-2026-01.csv", index=False)
    (folder / "raw/2026/settings.json").write_text(
        '{"plans": ["basic", "plus"], "limits": {"a": 1}}'
    )
    (folder / "raw/2026/import.log").write_text("".join(f"line {n}: fine\n" for n in range(400)))
    Image.radial_gradient("L").resize((320, 200)).save(folder / "raw/2026/heat.png")


def gated(client: aq.Client, gate: Path) -> aq.client.Flow:
    """A workflow that goes on when a file is there."""

    @aq.op
    def wait(path: str) -> int:
        import pathlib
        import time

        print("the gate is shut", flush=True)
        while not pathlib.Path(path).exists():
            time.sleep(0.02)
        print("the gate is open", flush=True)
        return 1

    @aq.op
    def then(number: int) -> str:
        return f"{number} went through"

    return client.publish_flow("Gated", [then(wait(str(gate)))], run_now=False, quiet=True)


def _remote(client: aq.Client, airflow: AirflowServer) -> aq.client.Flow:
    client.connect_integration(
        "air", "airflow", url=airflow.url, auth=(USER, PASSWORD), dags=str(airflow.dags)
    )
    world = World(airflow, client, publish(client))
    first, *rest = ("load", "score", "size", "is_small", "report")
    for day in (28, 29, 30):
        run = f"manual__2026-11-{day}T06:00:00+00:00"
        world.start(run)
        world.work(run, first)
        if day == 29:  # a worker was lost
            airflow.put_task(world.dag, run, "score", "failed")
        else:
            world.work(run, *rest)
        world.end(run, "failed" if day == 29 else "success")
    world.look()
    return world.flow


def _customers(count: int = 1_500) -> pd.DataFrame:
    random = np.random.default_rng(7)
    income = random.lognormal(10.4, 0.5, count).round(2)
    return pd.DataFrame(
        {
            "customer_id": np.arange(1000, 1000 + count),
            "state": random.choice(STATES, count, p=[0.35, 0.25, 0.2, 0.1, 0.1]),
            "plan": random.choice(PLANS, count),
            "tenure": random.integers(0, 72, count),
            "monthly_charges": (20 + random.gamma(3, 15, count)).round(2),
            "income": np.where(random.random(count) < 0.06, np.nan, income),
            "support_calls": random.poisson(1.4, count),
            "joined": pd.Timestamp("2019-01-01")
            + pd.to_timedelta(random.integers(0, 2_000, count), unit="D"),
        }
    )


def _churn(client: aq.Client, warehouse: Any) -> aq.client.Flow:
    limit = client.create_param("min_tenure", 3, description="months; newer customers are left out")

    @aq.op
    def features(customers: pd.DataFrame, min_tenure: int) -> pd.DataFrame:
        """What the model looks at."""
        kept = customers[customers["tenure"] >= min_tenure].copy()
        print(f"{len(kept):,} of {len(customers):,} customers are kept")
        kept["charge_share"] = kept["monthly_charges"] * 12 / kept["income"]
        return kept

    @aq.op(outputs=["weights", "report"])
    def train(features: pd.DataFrame) -> tuple[np.ndarray, dict[str, Any]]:
        """Fit a small model by hand."""
        columns = ["tenure", "monthly_charges", "support_calls"]
        weights = np.array([-0.04, 0.012, 0.31])
        return weights, {"columns": columns, "rows": len(features), "converged": True}

    @aq.op
    def predict(features: pd.DataFrame, weights: np.ndarray) -> pd.DataFrame:
        """Score each customer with the probability of leaving."""
        signal = features[["tenure", "monthly_charges", "support_calls"]].to_numpy() @ weights
        features["score"] = 1 / (1 + np.exp(-signal))
        return features

    @aq.op(name="predict")
    def calibrated(features: pd.DataFrame, weights: np.ndarray) -> pd.DataFrame:
        """Score each customer with the probability of leaving."""
        signal = features[["tenure", "monthly_charges", "support_calls"]].to_numpy() @ weights
        features["score"] = 1 / (1 + np.exp(-(signal - 0.6)))
        features["is_at_risk"] = features["score"] > 0.5
        return features

    @aq.metric
    def average_score(predictions: pd.DataFrame) -> float:
        """The share of customers that we expect to leave."""
        return float(predictions["score"].mean())

    @aq.metric
    def customers_scored(predictions: pd.DataFrame) -> int:
        return len(predictions)

    @aq.check(severity="error")
    def all_scored(predictions: pd.DataFrame) -> bool:
        """Nothing is saved unless every customer has a score."""
        return bool(predictions["score"].notna().all())

    def publish(scorer: Any, **options: Any) -> aq.client.Flow:
        customers = warehouse.sql("SELECT * FROM customers WHERE state <> 'IL'", name="customers")
        kept = features(customers, limit)
        weights, report = train(kept)
        predictions = scorer(kept, weights)
        average_score(predictions).bound(lower=0.25, severity="warning")
        customers_scored(predictions)
        all_scored(predictions)
        warehouse.save(predictions, table_name="predictions", mode="replace")
        return client.publish_flow(
            "Customer churn",
            [predictions, report],
            description="Which customers will leave within the next month?",
            schedule=aq.daily(hour=8, timezone="Europe/Paris"),
            tags=["customers", "weekly review"],
            quiet=True,
            **options,
        )

    flow = publish(predict)
    for months in (6, 12, 24):
        flow.trigger({"min_tenure": months}, quiet=True)
    flow = publish(calibrated)
    for months in (12, 30):
        flow.trigger({"min_tenure": months}, quiet=True)
    flow.trigger(quiet=True)
    return flow


def _broken(client: aq.Client, warehouse: Any) -> aq.client.Flow:
    @aq.op
    def orders() -> pd.DataFrame:
        """Orders of the night."""
        import sys

        for number in range(1, 41):
            print(f"2026-11-30 02:{number:02}:07 INFO  page {number} of 40: 250 orders")
        print("2026-11-30 02:41:00 WARN  the shop answered slowly", file=sys.stderr)
        return pd.DataFrame({"order": range(10_000), "total": np.linspace(1, 400, 10_000)})

    def column_of(table: pd.DataFrame, name: str) -> pd.Series:
        return table[name]

    @aq.op
    def totals(orders: pd.DataFrame) -> pd.DataFrame:
        """Sales by customer."""
        print("adding up")
        customers = column_of(orders, "customer_id")
        return orders.groupby(customers).sum()

    @aq.check(severity="warning")
    def enough(orders: pd.DataFrame) -> bool:
        return len(orders) > 50_000

    @aq.op
    def report(totals: pd.DataFrame) -> str:
        return totals.describe().to_string()

    table = orders()
    enough(table)
    summed = totals(table)
    warehouse.save(summed, table_name="sales_by_customer", mode="replace")
    flow = client.publish_flow(
        "Nightly sales",
        [report(summed)],
        description="Sales of the night, by customer",
        schedule=aq.daily(hour=2),
        tags=["sales"],
        quiet=True,
    )
    flow.trigger(quiet=True)
    flow.pause()
    return flow


def _report(table: pd.DataFrame) -> Any:
    """A table as it is shown to people."""
    from great_tables import GT

    made = GT(table[["customer_id", "plan", "tenure", "support_calls"]])
    made = made.tab_header("Customers", "the first of them")
    return made.data_color(columns="tenure", palette=["white", "steelblue"])


def _gallery(client: aq.Client) -> aq.client.Flow:
    outputs = ["picture", "matrix", "signal", "settings", "notes", "raw", "ratio", "is_ready",
               "frames", "tokenizer", "ages", "report"]  # fmt: skip

    @aq.op(outputs=outputs)
    def everything() -> Any:
        from PIL import Image

        side = np.linspace(-3, 3, 320)
        x, y = np.meshgrid(side, side[:200])
        wave = np.sin(x**2 + y) * np.exp(-(x**2 + y**2) / 9)
        level = ((wave - wave.min()) / np.ptp(wave) * 255).astype("uint8")
        picture = Image.fromarray(np.dstack([level, 255 - level, np.full_like(level, 120)]))
        table = _customers(60)
        settings = {
            "model": {"kind": "boosted trees", "depth": 6, "rate": 0.05, "seed": None},
            "features": ["tenure", "plan", "support_calls"],
            "folds": [{"train": 1200, "test": 300, "auc": 0.81 + n / 100} for n in range(5)],
            "is_final": True,
        }
        notes = "# Notes\n\nThe third fold is odd: it holds all customers of one shop.\n" * 3
        return (
            picture, np.round(wave[::20, ::20], 3), np.sin(np.linspace(0, 20, 4_000)), settings,
            notes, bytes(range(256)), 0.8137, True,
            {"train": table.head(40), "test": table.tail(20), "weights": np.eye(4)},
            {1, 2, 3}.union, table["tenure"], _report(table.head(12)),
        )  # fmt: skip

    return client.publish_flow(
        "Every type",
        [*everything()],
        description="A description that never seems to come to an end, " * 8,
        tags=["artifacts", "a rather long tag", "of all", "kinds and types", "顧客データ"],
        quiet=True,
    )
