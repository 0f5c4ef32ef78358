"""The plug-ins of the test suite; each lives in its own file of support/."""

from __future__ import annotations

pytest_plugins = [
    "support.homes",
    "support.hermetic",
    "support.logfail",
    "support.qt",
    "support.skips",
    "support.property_tests",
    "support.screen",
    "support.session_bus",
    "support.secret_service",
    "support.desktop_services",
    "support.browser",
    "support.app",
    "support.oidc_provider",
    "support.demo_provider",
    "support.canaries",
    "support.oidc_agent",
]
