"""A service whose replicas are actors of a Ray cluster: `espnet serve --ray`.

Ray Serve's proxies take requests on every machine that has a replica, and give each to one that has few. The replica
answers it from its first byte to its last, and so it does with a live stream: what is known of a stream stays in one
process. As many replicas run as there are requests for, within limits.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from espnet2.runtime.distributed import cluster, failed

NAME = "espnet"
EACH = 8.0  # requests that a replica has at once before there is another one: half of those that it decodes together
MOST = 64  # and at most; others wait in the proxies
PATIENCE = 5.0  # seconds of too many requests before another replica starts, which takes as long as loading the models
GRACE = 60.0  # seconds in which requests of a replica that is not needed any more may end


def serve_on_ray(
    make: Callable[[], Any], address: str, host: str, port: int, replicas: Sequence[int], cpus: int
) -> int:
    """Serve an application until the process is told to end; returns the exit status.

    Args:
        make: Makes the application in each replica.
        address: Of the cluster, see `cluster`.
        host: Address to listen on.
        port: Likewise.
        replicas: The fewest and the most.
        cpus: Cores of each.

    Raises:
        MissingPackageError: Ray is not installed.
        OptionError: There is no cluster at this address.
        EspnetError: The service does not start.
    """
    with cluster("serve", address, cpus * replicas[1]) as ray:
        serve = ray.serve

        signal.signal(signal.SIGTERM, _interrupt)
        try:
            serve.start(http_options={"host": host, "port": port})
            serve.run(deployment_of(make, replicas, cpus).bind(), name=NAME, route_prefix="/", blocking=True)
        except (RuntimeError, ray.exceptions.RayError) as error:
            raise failed("a service that starts", error) from error
        except KeyboardInterrupt:
            pass  # the end
        serve.delete(NAME)
        if not address:
            serve.shutdown()
    return 0


def deployment_of(make: Callable[[], Any], replicas: Sequence[int], cpus: int) -> Any:
    """A deployment of the application that `make` makes in each replica."""
    from ray import serve

    def build() -> Any:  # Ray asks whether it is a function, which a partial one, or a method, is not
        return make()

    return serve.deployment(
        serve.ingress(build)(),
        name=NAME,
        max_ongoing_requests=MOST,
        graceful_shutdown_timeout_s=GRACE,
        ray_actor_options={"num_cpus": cpus},
        autoscaling_config={
            "min_replicas": replicas[0],
            "max_replicas": replicas[1],
            "target_ongoing_requests": EACH,
            "upscale_delay_s": PATIENCE,
        },
    )


def _interrupt(number: int, frame: Any) -> NoReturn:
    raise KeyboardInterrupt
