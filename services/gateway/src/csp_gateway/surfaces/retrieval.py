"""The one-time link in the mail: a page with one button, and the secret behind it."""

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from csp_gateway.models.users import Secret
from csp_gateway.surfaces.common import UseParts
from csp_runtime.problems import Problem, not_found


def open_routes() -> APIRouter:
    """The one-time link in the mail is its own right: no token is asked for."""
    router = APIRouter(tags=["retrieval"])

    @router.post("/retrieve/{seal_id}", include_in_schema=False)
    async def retrieve(seal_id: str, key: str, parts: UseParts, response: Response) -> Secret:
        response.headers["Cache-Control"] = "no-store"
        # The link does not say whose seal it is: the owner that knows it answers, the others say 404.
        for owner in ("identity-sync", "provisioning"):
            try:
                return Secret(**await parts.owners.redeem(owner, f"/retrievals/{seal_id}", key=key))
            except Problem as problem:
                if problem.status != 404:
                    raise
        raise not_found("retrieval link")

    @router.get("/retrieve/{seal_id}", include_in_schema=False)
    async def retrieve_page(seal_id: str, key: str) -> HTMLResponse:
        """A page with one button: mail scanners that follow links must not use the secret up."""
        del seal_id, key
        return HTMLResponse(
            _RETRIEVE_PAGE, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        )

    return router


_RETRIEVE_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Your password</title>
<style>body{font:1.1rem system-ui;max-width:34rem;margin:4rem auto;padding:0 1rem}code{font-size:1.4rem}</style>
<h1>Your password</h1><p>It can be seen once. Keep it before you close this page.</p>
<p><button id="show">Show the password</button></p><p><code id="secret"></code></p>
<script>document.getElementById("show").onclick=async()=>{const answer=await fetch(location.href,{method:"POST"});
const body=await answer.json();document.getElementById("secret").textContent=answer.ok?body.secret:body.title;
document.getElementById("show").remove()}</script></html>"""
