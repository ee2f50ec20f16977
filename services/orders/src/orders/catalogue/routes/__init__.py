"""The catalogue: everybody who is signed in reads it, administrators change it, guests see what is sold online."""

from fastapi import APIRouter

from . import categories, items, offerings, search, storefront

router = APIRouter()
for part in (offerings, categories, items, search, storefront):
    for route in part.router.routes:
        router.routes.append(route)

__all__ = ["router"]
