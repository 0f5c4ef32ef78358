"""Switches of the protected resources, their metadata and their challenges, and of resource indicators."""

from tokenkeep.demo.faults.switch import switch

SWITCHES = (
    switch(
        "resource",
        "400 401 401_without_error 403 403_without_error 500 503",
        "The protected resources' answer, whatever the token.",
        "WWW-3 MCP-2 MCP-3",
    ),
    switch(
        "challenge",
        """
        none bare basic_only many two_lines token68 quoted_comma quoted_pairs token_scope dup_scope dup_metadata
        unterminated no_metadata no_scope other_scope root_metadata trap_metadata evil_metadata http_metadata
        link_local_metadata private_metadata file_metadata
        """,
        "How the WWW-Authenticate header is written; those in _metadata change the URL that it leads to.",
        "WWW-1 WWW-2 WWW-3 PRM-2 PRM-5 MCP-1 DPOP-2",
    ),
    switch(
        "prm",
        """
        evil wrong_resource other_path other_case other_port slash parent parent_prefix no_resource number_resource
        no_servers empty_servers two_servers duplicate_servers http_servers link_local_servers file_servers
        no_scopes markup_name signed unknown_members 401 404 500 503 html array empty redirect redirect_other_host huge
        """,
        "The protected resource metadata; evil leads to an authorization server where no client should come.",
        "PRM-3 PRM-4 PRM-5 PRM-6 PRM-8 MCP-1",
    ),
    switch(
        "prm_form",
        "path root none",
        "Protected resource metadata stands only at that form of the well-known address.",
        "PRM-2 PRM-4",
    ),
    switch(
        "prm_servers",
        "JSON",
        "The raw authorization_servers of the metadata, for more than one or for one that has moved.",
        "PRM-6 PRM-7 MCP-5",
    ),
    switch(
        "resource_indicator",
        "refused ignored",
        "The authorization server refuses every resource parameter, or takes no notice of it.",
        "RES-1",
    ),
)
