"""The routes of the socket: what each takes, does and answers, in one table that the contract is generated from."""

from tokenkeep.api.routes import application, identity, providers, records, sign_ins, tokens

ROUTES = (
    *application.ROUTES,
    *providers.ROUTES,
    *tokens.ROUTES,
    *identity.ROUTES,
    *sign_ins.ROUTES,
    *records.ROUTES,
)
