"""Sets the project's tools up in an ignored folder, on any Python from 3.9 on.

Everything lands in ``.toolchain/``: Python 3.14, uv, mosquitto and one virtual
environment for each lock file. The system is not touched, with two exceptions that
are asked for by name: ``chromium`` and ``image-tools`` come from the system's packages.
"""
