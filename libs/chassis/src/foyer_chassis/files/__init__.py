"""Files that people attach to things: taken in piece by piece, known by their content, looked through for viruses, kept
in a folder or any S3, given out so that no browser runs them. What they are attached to, and who sees them, is for the
service to say.

A service that has files depends on `filetype`, and on `aiobotocore` where they may be in a bucket.
"""
