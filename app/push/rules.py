"""The vocabulary of pushing: channels, routes, states. Pure data."""

from typing import Literal

Channel = Literal["relay", "wecom_robot", "wecom_customer_group", "qq_bot", "console"]
CHANNELS = ("relay", "wecom_robot", "wecom_customer_group", "qq_bot", "console")
Route = Literal["custom", "notice", "wecom_app"]
ROUTES = ("custom", "notice", "wecom_app")
"""How a letter may reach a person: customer-service message, subscription message, WeCom app."""
DeliveryState = Literal["planned", "claimed", "sent", "handed_over", "unknown", "failed", "skipped"]
DELIVERY_STATES = ("planned", "claimed", "sent", "handed_over", "unknown", "failed", "skipped")
Method = Literal["freepublish", "mass", "hand"]
METHODS = ("freepublish", "mass", "hand")
PUBLICATION_STATES = (
    "preparing",
    "drafted",
    "submitting",
    "submitted",
    "by_hand",
    "published",
    "failed",
    "unknown",
)
