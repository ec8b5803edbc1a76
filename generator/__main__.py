"""`python -m generator`. Where `templates` has nothing to do, it is said before anything is imported."""

import sys

from generator.unchanged import verdict

if sys.argv[1:] == ["templates"] and (said := verdict()):
    print(said)
else:
    from generator.cli import main

    main()
