"""Airflow as the engine: workflows become DAGs, and every task runs one operator.

DAG files import `aqueduct_core.engines.airflow.tasks`, so this imports nothing by itself.
"""
