"""Where two persons have to agree: whose credential may ask, and whose may approve."""

from typing import Final

from api_gateway.http.problems import invalid
from common.access.principal import BOOTSTRAP, current_actor, current_credential

A_KEY: Final = (
    "`burnline keys create NAME --scope override` (with a key that has the scope `admin`)"
)


def check_somebody_s() -> None:
    """Refuse the server's own token, which whoever runs it has beside a key of theirs."""
    if current_credential() == BOOTSTRAP:
        detail = (
            "two persons have to agree, and BURNLINE_API_TOKEN is nobody's: use a key of your "
            f"own. {A_KEY} makes one"
        )
        raise invalid("Authorization", "nobodys_credential", detail, 409)


def check_another(credential: str | None, actor: str) -> None:
    """Refuse the credential that asked, also one that bears its name (`actor`) by now.

    A name that is typed proves nothing.
    """
    check_somebody_s()
    if not credential:
        detail = "has no credential that asked for it on record; revoke it and ask again"
        raise invalid("id", "unknown_credential", detail, 409)
    if credential == current_credential() or actor == current_actor():
        detail = (
            f"{actor} asked for it, and another credential has to approve it: that of a "
            f"second person, for whom {A_KEY} makes one"
        )
        raise invalid("Authorization", "same_credential", detail, 409)
