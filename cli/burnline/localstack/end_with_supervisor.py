"""Read first by the process that services are forks of: it ends with whoever started it.

By itself it would see that only once all libraries are read.
"""

import os

from burnline.localstack.processes import die_with_parent

die_with_parent(os.getppid())
