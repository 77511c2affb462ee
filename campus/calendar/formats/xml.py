"""XML from outside: no entities, no external files; bounded."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from campus.calendar.formats import MOST_ROWS, FormatError
from campus.calendar.formats.text import refuse_large


def parse(content: bytes) -> Element:
    """The root element. Raises FormatError: not well formed, entities, too many elements."""
    refuse_large(content)
    try:
        root: Element = fromstring(content, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except DefusedXmlException:
        raise FormatError("The XML defines entities of its own, which no timetable needs.") from None
    except (ParseError, ValueError, LookupError) as error:
        raise FormatError(f"The XML cannot be read: {error}.") from None
    if sum(1 for _ in root.iter()) > 20 * MOST_ROWS:
        raise FormatError(f"The XML has more than {20 * MOST_ROWS} elements.")
    return root


def text(element: Element, *names: str) -> str:
    """The text of the first child of one of these names that is there; "" for none."""
    for name in names:
        child = element.find(name)
        if child is not None:
            return (child.text or "").strip()
    return ""


def texts(element: Element, name: str) -> list[str]:
    return [found for child in element.findall(name) if (found := (child.text or "").strip())]
