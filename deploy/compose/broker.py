"""Virtual host, shared exchanges, event log, and a user per service with its permissions. Any number of runs is one.

The rules themselves are foyer_tools.management's, the same as on a developer's machine; only the standard library is
needed here.
"""

import os

from foyer_tools.management import Management, provision_user, provision_vhost

SERVICES = ("orders", "booking", "payments", "notifications", "chat")


def main() -> None:
    """Provision the broker at RABBITMQ_MANAGEMENT_URL; KeyError without a password for each service."""
    api = Management(os.environ["RABBITMQ_MANAGEMENT_URL"])
    vhost = os.environ["RABBITMQ_VHOST"]
    provision_vhost(api, vhost, fresh=False)
    for service in SERVICES:
        password = os.environ[f"{service.upper()}_BROKER_PASSWORD"]
        provision_user(api, vhost, service, f"foyer_{service}", password)
        print(f"broker user foyer_{service}: ready")


if __name__ == "__main__":
    main()
