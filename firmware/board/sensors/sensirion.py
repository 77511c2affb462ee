"""What Sensirion's I2C sensors have in common: words of 16 bits, each followed by a checksum."""


def crc8(data):
    """Sensirion's checksum: polynomial 0x31, starts at 0xFF; crc8(b"\\xbe\\xef") is 0x92."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x31 if crc & 0x80 else crc << 1) & 0xFF
    return crc


def words(reply):
    """The 16-bit words of a reply: two bytes and their checksum each. Raises ValueError if one does not match."""
    found = []
    for at in range(0, len(reply), 3):
        if len(reply) < at + 3 or crc8(reply[at : at + 2]) != reply[at + 2]:
            raise ValueError("checksum")
        found.append(reply[at] << 8 | reply[at + 1])
    return found
