"""The supervisor of a local stack, as a process; a main module that its forks need not import."""

import sys

from burnline.localstack.stack import main

if __name__ == "__main__":
    sys.exit(main())
