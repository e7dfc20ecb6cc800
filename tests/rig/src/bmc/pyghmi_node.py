"""A BMC of pyghmi's server class, for the tests: one node, power kept in a file.

    python -c SOURCE ADDRESS POWER_FILE KG      prints its port once it listens; KG may be empty
"""

import os
import sys
import uuid

from pyghmi.ipmi.bmc import Bmc

ACCOUNTS = {"admin": "s3cr3t", "oper": "operpass", "ro": "ropass"}
GUID = uuid.UUID(bytes_le=bytes.fromhex("a123456789abcdefa123456789abcdef"))


class Node(Bmc):
    def __init__(self, address, power, kg):
        # The handshake sends the bytes as they stand, the command sends them in mixed order: the same bytes from both.
        super().__init__(ACCOUNTS, port=0, address=address, bmcuuid=uuid.UUID(bytes=GUID.bytes_le))
        # Sessions are found again by the port that was really bound.
        self.port = self.serversocket.getsockname()[1]
        self.power = power
        if kg:
            self.set_kg(kg)

    def get_system_guid(self):
        return GUID

    def get_power_state(self):
        with open(self.power) as file:
            return "on" if file.read().strip() == "1" else "off"

    def _set(self, value):
        with open(self.power + ".new", "w") as file:
            file.write(value)
        os.rename(self.power + ".new", self.power)

    def power_on(self):
        self._set("1")

    def power_off(self):
        self._set("0")


node = Node(sys.argv[1], sys.argv[2], sys.argv[3])
print(node.port, flush=True)
while True:
    try:
        node.listen()
    except AttributeError:
        # A packet of a session whose RAKP 3 was lost ends pyghmi's loop; the next one is served again.
        pass
