import os
import sys

from foyer_chassis.process import main

from .service import SERVICE

if __name__ == "__main__":
    # uvicorn by itself replaces a loopback peer by what X-Forwarded-For says; the webhook must know the real one.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    sys.exit(main(SERVICE))
