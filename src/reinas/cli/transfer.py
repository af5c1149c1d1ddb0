"""`--cell-from`: a cell that was found or published as the only child of another search."""

from reinas.config.settings import Setting
from reinas.errors import SettingError, nearest
from reinas.report.report import space_of
from reinas.spaces.recurrent import RecurrentSpace
from reinas.store import opened_to_read
from reinas.zoo import ZOO


def cell_settings(name: str, store: str) -> dict[str, Setting]:
    """Settings of a search that trains one cell: a search's best, or one of the zoo."""
    origin = f"--cell-from {name}"
    home = opened_to_read(store)
    if name in ZOO:
        space, answers = ZOO[name].space, ZOO[name].answers
    elif name in home.names():
        log = home.get(name)
        best, found = log.best(), space_of(log.settings)
        if not best or found is None:
            raise SettingError(f"{origin}: that search has no network yet")
        space, answers = found, best[0].answers
    else:
        hint = nearest(name, [*home.names(), *ZOO])
        raise SettingError(f"{origin}: neither a search in {store} nor in the zoo: {hint}")
    if not isinstance(space, RecurrentSpace):
        raise SettingError(f"{origin}: that is not a recurrent cell: its space is '{space.name}'")
    values = {
        "space.name": "recurrent",
        "space.base": space.base,
        "space.combinations": list(space.combinations),
        "space.activations": list(space.activations),
        "policy.name": "fixed",
        "policy.answers": list(answers),
        "trials": 1,
        "batch_size": 1,
    }
    return {key: Setting(value, origin=origin) for key, value in values.items()}
