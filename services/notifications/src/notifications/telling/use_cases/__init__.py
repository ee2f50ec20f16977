"""One function per thing that can happen."""
