"""An engine that runs operators one after the other in the calling process."""

from itertools import groupby

from aqueduct_core.engines.base import Silent
from aqueduct_core.runtime import Job, run_operator, run_saves


class Ended:
    """A run that is over when it is handed out."""

    def __init__(self, run, state):
        self.run = run
        self.state = state

    def wait(self, timeout=None):
        return self.state

    def cancel(self):
        pass


class AcmeEngine:
    kind = "acme"

    def __init__(self, workspace, tracking, *, home):
        self.workspace = workspace
        self.tracking = tracking

    def deploy(self, version):
        version.save(self.workspace.store)

    def trigger(self, version, run, parameters=None, listener=None, **known):
        listener, tracking = listener or Silent(), self.tracking()
        tracking.start_run(
            run, version.flow, version.digest, engine=self.kind, parameters=parameters, **known
        )
        listener.run_started(run)
        states = []
        for results in self._results(version, run, parameters):
            tracking.record(version, results)
            for result in results:
                listener.operator_finished(result)
                states.append(result.state)
        state = "failed" if "failed" in states else "succeeded"
        tracking.finish_run(run, state, flow=version.flow)
        listener.run_finished(state)
        return Ended(run, state)

    def cancel(self, run, *, flow=None):
        pass  # a run has ended before anybody could

    def retry(self, run, listener=None, *, flow=None):
        record = self.tracking().run(run, flow=flow)
        version = self.tracking().version(record.flow, record.version)
        return self.trigger(version.version, run, record.parameters, listener)

    def close(self):
        pass

    def _results(self, version, run, parameters):
        operators = [*version.spec.operators.values()]
        for item in operators:
            if item.kind != "save":
                yield [
                    run_operator(self.workspace, Job(version, item.name, run, 1, parameters or {}))
                ]
        saves = sorted(version.spec.of_kind("save"), key=lambda item: item.task["integration"])
        for _, together in groupby(saves, key=lambda item: item.task["integration"]):
            names = [item.name for item in together]
            yield run_saves(self.workspace, version, names, run, 1, parameters)


class Hollow:
    def __init__(self, workspace, tracking, *, home):
        pass
