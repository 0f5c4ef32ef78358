"""Switches of the device authorization endpoint (RFC 8628)."""

from tokenkeep.demo.faults.switch import switch

SWITCHES = (
    switch(
        "device",
        """
        no_device_code no_user_code no_verification_uri no_expires_in no_verification_uri_complete
        number_device_code number_user_code text_expires_in null_verification_uri verification_url
        lower_user_code spaced_user_code javascript_uri http_uri html 500 503 invalid_client
        unauthorized_client invalid_scope
        """,
        "The device authorization answer.",
        "DEV-1 DEV-7 AUTHZ-5",
    ),
    switch(
        "interval",
        "absent JSON",
        "The raw interval of device authorization answers.",
        "DEV-1 DEV-2",
    ),
)
