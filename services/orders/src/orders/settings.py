from foyer_chassis.files.http import Files
from foyer_chassis.files.settings import FileSettings
from pydantic import Field


class Settings(FileSettings):
    longest_wait_seconds: int = Field(default=30, ge=0, description="upper bound of `Prefer: wait`")
    clock_seconds: float = Field(default=1.0, gt=0, description="between two looks for deadlines and orders to close")
    vocabulary_seconds: float = Field(
        default=30.0, gt=0, description="between two looks for words that no order has any more, at 500 words each"
    )
    storefront_url: str | None = Field(
        default=None, description="where the storefront's pages are; none: the host asked"
    )
    storefront_orders_per_hour: int = Field(default=5, ge=1, description="of guests with the same email")
    files_per_order: int = Field(default=20, ge=1, le=1000)

    def order_files(self) -> Files:
        return self.files(most_files=self.files_per_order)
