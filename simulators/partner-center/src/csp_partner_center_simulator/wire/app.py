"""Microsoft's surfaces as one raw ASGI app: who calls, what is replayed, which fault strikes, what is kept."""

import asyncio
import hashlib
import logging
import uuid
from collections.abc import Awaitable, Callable

from csp_partner_center_simulator.auth import endpoints, policy
from csp_partner_center_simulator.auth.tokens import GRAPH, PARTNER_CENTER_AUDIENCES, TokenIssuer, caller_of
from csp_partner_center_simulator.state.logs import Replay
from csp_partner_center_simulator.state.world import World
from csp_partner_center_simulator.wire import faults as fault_kinds
from csp_partner_center_simulator.wire.answer import Answer, without_nulls
from csp_partner_center_simulator.wire.call import Call, Caller
from csp_partner_center_simulator.wire.errors import ApiError, GraphError
from csp_partner_center_simulator.wire.exchange import Answers, Receive, Scope, Send, break_off, read
from csp_partner_center_simulator.wire.faults import Fault, Faults
from csp_partner_center_simulator.wire.naming import name_of
from csp_partner_center_simulator.wire.recorder import Recorder
from csp_partner_center_simulator.wire.refusals import instead, not_built, scrubbed, told
from csp_partner_center_simulator.wire.request import Request
from csp_partner_center_simulator.wire.router import Route, Router
from csp_partner_center_simulator.wire.throttle import COUNTED, OF_THEIR_OWN, PUBLISHED, Throttle
from csp_partner_center_simulator.wire.unknown import with_unknown_value

log = logging.getLogger(__name__)

REMEMBERED = 20_000  # stored answers; the lifetime of a request id is not documented (PC 2.7)
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Microsoft:
    """Partner Center, its pricing host, Graph and the token endpoint."""

    def __init__(
        self,
        world: World,
        issuer: TokenIssuer,
        router: Router,
        *,
        faults: Faults,
        recorder: Recorder,
        throttle: Throttle,
        base_url: Callable[[], str],
        preparations: dict[str, Callable[[Request], Awaitable[None]]],
    ) -> None:
        self._world = world
        self._answers = Answers(world)
        self._issuer = issuer
        self._router = router
        self._faults = faults
        self._recorder = recorder
        self._throttle = throttle
        self._base_url = base_url
        self._preparations = preparations  # calls to the outside that must be over before an operation begins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = await read(scope, receive)
        found = self._router.find(request.method, request.path)
        route, params = found or (None, {})
        operation = route.operation if route else "unknown"
        correlation_id = request.headers.get("ms-correlationid") or str(uuid.uuid4())
        customer_id = params.get("customer", "") or self._directory_of(request, operation)
        name = name_of(operation, request)
        fault = self._faults.strike(name, customer_id, goes_on=request.goes_on) if route else None
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.delay_seconds)
        if operation in self._preparations:
            await self._preparations[operation](request)
        answer, replayed = self._answer(request, route, params, correlation_id, fault)
        self._recorder.add(
            at=self._world.now,
            operation=name,
            customer_id=customer_id,
            method=request.method,
            path=request.path,
            query=request.raw_query,
            status=answer.status,
            request_id=request.headers.get("ms-requestid", ""),
            correlation_id=correlation_id,
            replayed=replayed,
            fault=fault.kind if fault else "",
        )
        if fault is not None and fault.kind in {"reset_before", "reset_after", "timeout_after"}:
            if fault.kind == "timeout_after":
                await asyncio.sleep(fault.delay_seconds)
            break_off(send)
            return
        await self._answers.send(request, operation, answer, correlation_id, fault, send)

    def _directory_of(self, request: Request, operation: str) -> str:
        """Give the customer's directory a Graph token is for."""
        if not operation.startswith("graph."):
            return ""
        try:
            claims = self._issuer.read(request.headers.get("authorization", "").partition(" ")[2])
        except ApiError:
            return ""
        return str(claims["tid"]) if str(claims["tid"]) in self._world.customers else ""

    def _answer(
        self,
        request: Request,
        route: Route | None,
        params: dict[str, str],
        correlation_id: str,
        fault: Fault | None,
    ) -> tuple[Answer, bool]:
        if route is None:
            return not_built(request, self._world.now), False
        if (
            fault is not None
            and fault.kind in fault_kinds.BEFORE
            and (fault.kind, route.operation) not in fault_kinds.OWN_ANSWER
        ):
            return instead(fault, route.operation, request, correlation_id, self._world.now), False
        try:
            with self._world.transaction():
                answer, replayed = self._operate(request, route, params, correlation_id, fault)
        except ApiError as refusal:
            return told(refusal, route.operation, request, correlation_id, self._world.now), False
        except Exception:
            # Nothing was changed: the transaction is undone. Clients see what a broken service would say.
            log.exception("simulator-failed", extra={"operation": route.operation})
            failed = ApiError(
                500, 800005, "The simulator failed; its log says why.", headers={"X-Simulator": "failed"}
            )
            return told(failed, route.operation, request, correlation_id, self._world.now), False
        if fault is not None and fault.kind == "error_after":
            failed = ApiError(500, 800003, "The service failed to process the request.")
            return told(failed, route.operation, request, correlation_id, self._world.now), replayed
        if fault is not None and fault.kind == "unknown_enum":
            answer.body = with_unknown_value(answer.body)
        return answer, replayed

    def _operate(
        self, request: Request, route: Route, params: dict[str, str], correlation_id: str, fault: Fault | None
    ) -> tuple[Answer, bool]:
        world, operation = self._world, route.operation
        if operation.startswith("auth."):
            return self._sign_in(request, route, params, fault), False
        audiences = frozenset({GRAPH}) if operation.startswith("graph.") else PARTNER_CENTER_AUDIENCES
        if operation == "graph.billing.blobs.get":
            return route.handler(self._anonymous(request, operation, params, correlation_id)), False
        caller = caller_of(world, self._issuer, request.headers.get("authorization"), audiences)
        policy.note_mfa(world, caller)
        if caller.is_user:
            request.notes["mfa"] = str(caller.mfa).lower()
        if operation.startswith("graph.") and caller.tenant_id in world.customers:
            params = {**params, "customer": caller.tenant_id}
        call = Call(
            world=world,
            request=request,
            operation=operation,
            params=params,
            caller=caller,
            base_url=self._base_url(),
            correlation_id=correlation_id,
            fault=fault.kind if fault else "",
        )
        return self._permitted(call, route)

    def _permitted(self, call: Call, route: Route) -> tuple[Answer, bool]:
        request, params = call.request, call.params
        self._count(call)
        if call.fault == "customer_vanished" and "customer" in params:
            raise ApiError(403, 20002, "The partner has no relationship with this customer.")
        policy.authorise(call, route.rights)
        request_id = request.headers.get("ms-requestid", "")
        if request.method not in WRITES or not request_id:
            return route.handler(call), False
        return self._once(call, route, request_id.lower())

    def _once(self, call: Call, route: Route, request_id: str) -> tuple[Answer, bool]:
        """Do a write once per request id; a repeat gets the stored answer, refusals included (PC 2.7, 15.4)."""
        replays = self._world.replays
        request = call.request
        path = "/".join(part for part in request.path.lower().split("/") if part)
        key = f"{call.partner.id}/{request.method}/{path}/{request_id}"
        digest = hashlib.sha256(request.content).hexdigest()
        stored = replays.get(key)
        if stored is not None:
            if stored.body_hash != digest:
                raise ApiError(409, 800060, "This MS-RequestId was used before with another request body.")
            nulls = route.operation.startswith("graph.users.")
            return Answer(stored.status, stored.answer, dict(stored.headers), nulls=nulls), True
        try:
            answer = self._guarded(call, route)
        except ApiError as refusal:
            if refusal.status in {401, 408, 429} or refusal.status >= 500:
                raise
            answer = told(refusal, route.operation, request, call.correlation_id, self._world.now)
        if isinstance(answer.body, bytes):
            return answer, False
        replays.put(
            Replay(
                id=key,
                body_hash=digest,
                status=answer.status,
                answer=scrubbed(answer.body if answer.nulls else without_nulls(answer.body)),
                headers=answer.headers,
                at=self._world.now,
            )
        )
        if len(replays) > REMEMBERED:
            replays.drop_oldest()
        return answer, False

    def _guarded(self, call: Call, route: Route) -> Answer:
        with self._world.savepoint():
            return route.handler(call)

    def _anonymous(
        self, request: Request, operation: str, params: dict[str, str], correlation_id: str
    ) -> Call:
        export = self._world.exports.get(params.get("operation", ""))
        partner = self._world.partners.get(export.partner_id) if export else None
        if partner is None:
            raise GraphError(404, "ResourceNotFound", "The blob does not exist.")
        caller = Caller(partner=partner, application_id="", tenant_id=partner.id)
        return Call(
            world=self._world,
            request=request,
            operation=operation,
            params=params,
            caller=caller,
            base_url=self._base_url(),
            correlation_id=correlation_id,
        )

    def _sign_in(self, request: Request, route: Route, params: dict[str, str], fault: Fault | None) -> Answer:
        version = 2 if "/v2.0/" in request.path.lower() + "/" else 1
        if route.operation == "auth.keys":
            return Answer(body=self._issuer.jwks())
        if route.operation == "auth.configuration":
            return endpoints.openid_configuration(params["tenant"], self._base_url(), version)
        if route.operation == "auth.authorize":
            return endpoints.authorise(self._world, request)
        return endpoints.token(
            self._world,
            self._issuer,
            params["tenant"],
            request,
            version=version,
            fault=fault.kind if fault else "",
        )

    def _count(self, call: Call) -> None:
        profile = self._world.profile
        limit = profile.requests_per_minute
        if limit is not None:
            self._throttle.count(call.partner.id, limit)
        elif profile.latency == "realistic" and call.operation.startswith(COUNTED):
            self._throttle.count(f"{call.partner.id}/{call.operation}", PUBLISHED)
        if call.operation in OF_THEIR_OWN and (
            profile.latency == "realistic" or call.operation == "webhooks.validationEvents.create"
        ):
            often, seconds, per_customer = OF_THEIR_OWN[call.operation]
            whose = f"{call.partner.id}/{call.params['customer']}" if per_customer else call.partner.id
            self._throttle.count(f"{whose}/{call.operation}/own", often, seconds=seconds)
