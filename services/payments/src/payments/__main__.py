import sys

from foyer_chassis.process import main

from .service import SERVICE

if __name__ == "__main__":
    sys.exit(main(SERVICE))
