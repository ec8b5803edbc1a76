"""The exposure proof: who can reach whom in the network that a release becomes, and that nobody else can.

Security groups, network ACLs, route tables, gateways, public addresses and the load balancer's rules are read from the
resolved release (`reading`), as one model (`network`). Address lines are cut at every bound that anything in the model
uses (`addresses`), and ports are sets (`services`), so that a verdict on one spot is the verdict on all of its
addresses, ports and protocols: nothing is sampled and no solver is needed. `paths` says what a packet and its answer
cross. What is meant stands in `statements`; `end_to_end`, `layers` and `unneeded` hold the release to it.

Who hands on what he takes is held to claims of its own: the load balancer in `relay`, CloudFront in `cloudfront`, the
buckets that it reads in `origin_buckets`, and who examines requests on the way in `firewall`; `front` is their model.

Not seen: what prefix lists contain (S3, DynamoDB and CloudFront may have any public address), what stands behind a VPN
or in AWS's own networks, policies of endpoints and roles, and what anybody changes by hand.
"""

from generator.checks.exposure.matrix import Exposure, exposures, matrix
from generator.checks.exposure.proof import prove

__all__ = ["Exposure", "exposures", "matrix", "prove"]
