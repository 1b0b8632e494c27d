# swift-rings.py <folder> <first port>: tells Swift's servers where accounts, containers and objects are: on one device.
import sys

from swift.common.ring import RingBuilder

folder, first_port = sys.argv[1], int(sys.argv[2])
for index, kind in enumerate(("account", "container", "object")):
    at = {"ip": "127.0.0.1", "port": first_port + index}
    device = {"id": 0, "region": 1, "zone": 1, "device": "d1", "weight": 1.0, "meta": "", **at}
    builder = RingBuilder(part_power=4, replicas=1, min_part_hours=1)
    builder.add_dev({**device, **{"replication_" + name: value for name, value in at.items()}})
    builder.rebalance()
    builder.get_ring().save(f"{folder}/{kind}.ring.gz")
