"""All operations, by their tags. Made by tools/make_client.py from the OpenAPI."""

from campus.client.operations.audit import Audit
from campus.client.operations.boards import Boards
from campus.client.operations.calendar import Calendar
from campus.client.operations.connectivity import Connectivity
from campus.client.operations.equipment import Equipment
from campus.client.operations.export import Export
from campus.client.operations.facts import Facts
from campus.client.operations.health import Health
from campus.client.operations.imports import Imports
from campus.client.operations.indicators import Indicators
from campus.client.operations.live import Live
from campus.client.operations.months import Months
from campus.client.operations.people import People
from campus.client.operations.places import Places
from campus.client.operations.readings import Readings
from campus.client.operations.sessions import Sessions
from campus.client.operations.sites import Sites
from campus.client.operations.tokens import Tokens
from campus.client.transport import Transport

__all__ = ["Operations"]


class Operations:
    """Every operation of the API, as `client.TAG.OPERATION`."""

    def __init__(self, transport: Transport) -> None:
        self.audit = Audit(transport)
        self.boards = Boards(transport)
        self.calendar = Calendar(transport)
        self.connectivity = Connectivity(transport)
        self.equipment = Equipment(transport)
        self.export = Export(transport)
        self.facts = Facts(transport)
        self.health = Health(transport)
        self.imports = Imports(transport)
        self.indicators = Indicators(transport)
        self.live = Live(transport)
        self.months = Months(transport)
        self.people = People(transport)
        self.places = Places(transport)
        self.readings = Readings(transport)
        self.sessions = Sessions(transport)
        self.sites = Sites(transport)
        self.tokens = Tokens(transport)
