"""One function per thing that can happen, in a transaction each."""
