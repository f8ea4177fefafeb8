"""Use cases of settings: change one from a day on, list them with what was ever said of them."""

from datetime import date
from typing import Any

from csp_contracts.envelope import Recorded
from csp_contracts.provisioning_v1 import CustomerSettingChanged, ResellerSettingChanged
from csp_provisioning.domain.settings import SETTINGS, Change, Standing, standing
from csp_provisioning.ports import Organisations
from csp_runtime.clock import Clock
from csp_runtime.commands import Decision, carry_out, command_meta
from csp_runtime.http import Command
from csp_runtime.problems import invalid, not_found, stale
from csp_runtime.scope import Scope
from csp_runtime.store import EventStore


class SettingUseCases:
    """The settings are facts on the streams of the reseller and of its customers; there are few, and they are read from there."""

    def __init__(self, *, store: EventStore, rows: Organisations, clock: Clock) -> None:
        self._store = store
        self._rows = rows
        self._clock = clock

    async def listed(self, scope: Scope, customer_id: str | None = None) -> dict[str, Any]:
        """Every setting as it stands today, with all its changes; for a customer those that it can have of its own.

        `version` is the one that a change can be bound to. Raises `Problem` `not-found`.
        """
        resellers = await self._store.load(scope.reseller)
        if not resellers:
            raise not_found("reseller")
        changes, version = _changes(resellers), len(resellers)
        known = [each for each in SETTINGS.values() if customer_id is None or each.is_customers_too]
        if customer_id is not None:
            await self._check_customer(scope, customer_id)
            own = await self._store.load(customer_id)
            changes, version = [*changes, *_changes(own)], len(own)
        today = self._clock.now().date()
        return {"version": version, "settings": [_shown(standing(each, changes, today)) for each in known]}

    async def change(
        self,
        scope: Scope,
        *,
        setting: str,
        value: str,
        effective_on: date,
        command: Command,
        expected: int | None = None,
    ) -> dict[str, Any]:
        """A reseller's setting from a UTC day on. Raises `Problem`: `validation`, `not-found`, `version-conflict`."""
        _check(setting, value, list(SETTINGS))
        data = ResellerSettingChanged(
            reseller_id=scope.reseller, setting=setting, value=value, effective_on=effective_on
        )
        return await self._append(scope, scope.reseller, data, command, expected)

    async def change_customers(
        self,
        scope: Scope,
        customer_id: str,
        *,
        setting: str,
        value: str,
        effective_on: date,
        command: Command,
        expected: int | None = None,
    ) -> dict[str, Any]:
        """A setting that one customer has otherwise than its reseller, from a UTC day on. Raises as `change`."""
        await self._check_customer(scope, customer_id)
        _check(setting, value, [each.name for each in SETTINGS.values() if each.is_customers_too])
        data = CustomerSettingChanged(
            customer_id=customer_id, setting=setting, value=value, effective_on=effective_on
        )
        return await self._append(scope, customer_id, data, command, expected, customer=customer_id)

    async def _append(
        self,
        scope: Scope,
        stream: str,
        data: ResellerSettingChanged | CustomerSettingChanged,
        command: Command,
        expected: int | None,
        customer: str | None = None,
    ) -> dict[str, Any]:
        now = self._clock.now()
        answer = {
            "setting": data.setting,
            "value": data.value,
            "effective_on": data.effective_on.isoformat(),
            "stream": stream,
        }

        async def decide() -> Decision:
            events = await self._store.load(stream)
            version = len(events)
            if version == 0 and customer is None:
                raise not_found("reseller")
            if expected is not None and expected != version:
                later = {getattr(event.data, "setting", None) for event in events[max(expected, 0) :]}
                raise stale("settings", version, sorted(name for name in later if name is not None))
            meta = command_meta(scope, command, now, partition_key=stream, customer=customer)
            event: Recorded[Any] = Recorded(stream=stream, version=version + 1, data=data, meta=meta)
            return Decision(events=[event], answer={**answer, "version": version + 1})

        return await carry_out(self._store, command, now, decide)

    async def _check_customer(self, scope: Scope, customer_id: str) -> None:
        if await self._rows.organisation(scope, customer_id) is None:
            raise not_found("customer")


def _changes(events: list[Recorded[Any]]) -> list[Change]:
    return [
        Change(
            setting=event.data.setting,
            value=event.data.value,
            effective_on=event.data.effective_on,
            changed_at=event.meta.recorded_at,
            changed_by=event.meta.actor,
            reason=event.meta.reason,
            scope="customer" if isinstance(event.data, CustomerSettingChanged) else "reseller",
        )
        for event in events
        if isinstance(event.data, CustomerSettingChanged | ResellerSettingChanged)
    ]


def _shown(stands: Standing) -> dict[str, Any]:
    return {
        "setting": stands.known.name,
        "value": stands.value,
        "effective_on": None if stands.effective_on is None else stands.effective_on.isoformat(),
        "source": stands.source,
        "default": stands.known.default,
        "choices": list(stands.known.values),
        "changes": [
            {
                "value": each.value,
                "effective_on": each.effective_on.isoformat(),
                "scope": each.scope,
                "changed_at": each.changed_at.isoformat(),
                "changed_by": each.changed_by,
                "reason": each.reason,
            }
            for each in stands.changes
        ],
    }


def _check(setting: str, value: str, known: list[str]) -> None:
    if setting not in known:
        raise invalid("setting", "choice", f"must be one of {', '.join(known)}")
    values = SETTINGS[setting].values
    if value not in values:
        raise invalid("value", "choice", f"must be one of {', '.join(values)}")
