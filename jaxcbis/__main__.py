import sys

from jaxcbis.cli import main

if __name__ == "__main__":
    sys.exit(main())
