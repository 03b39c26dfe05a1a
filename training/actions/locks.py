"""The rows that actions lock: model before run before fit, so that none waits for another."""

from uuid import UUID

from lineage.errors import LeaseLost
from lineage.leases import Token
from training.errors import ModelUnknown, RunUnknown
from training.models import Model, ShardFit, TrainingRun
from training.states import RunState


def lock_model(model_id: int) -> Model:
    """Lock a model: its runs and versions change one decision at a time."""
    model = Model.objects.select_for_update(no_key=True).filter(pk=model_id).first()
    if model is None:
        raise ModelUnknown
    return model


def lock_run(run_id: UUID) -> TrainingRun:
    """Lock a run, its model first."""
    model = TrainingRun.objects.filter(pk=run_id).values_list("model_id", flat=True).first()
    if model is None:
        raise RunUnknown
    lock_model(model)
    return _locked(run_id)


def lock_held(run_id: UUID, token: Token, *, state: RunState) -> TrainingRun:
    """Lock a run for the worker whose lease is the newest, and for nobody else."""
    run = lock_run(run_id)
    if run.fencing_token != token or run.state != state:
        raise LeaseLost
    return run


def lock_fit(fit_id: int) -> ShardFit | None:
    """Lock a fit of a run that is still fitting; the run is locked first, its model is not.

    None if there is no such fit any more: the run began again, or has ended.
    """
    run_id = ShardFit.objects.filter(pk=fit_id).values_list("run_id", flat=True).first()
    if run_id is None or _locked(run_id).state != RunState.FITTING:
        return None
    fits = ShardFit.objects.select_for_update(no_key=True, of=("self",))
    return fits.select_related("run__model").filter(pk=fit_id).first()


def lock_held_fit(fit_id: int, token: Token) -> ShardFit:
    """Lock a fit for the worker whose lease is the newest, and for nobody else."""
    fit = lock_fit(fit_id)
    if fit is None or fit.fencing_token != token:
        raise LeaseLost
    return fit


def _locked(run_id: UUID) -> TrainingRun:
    runs = TrainingRun.objects.select_for_update(no_key=True, of=("self",))
    return runs.select_related("model__family", "source", "version", "parent").get(pk=run_id)
