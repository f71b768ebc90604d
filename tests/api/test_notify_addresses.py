import pytest

from api.errors import DeliveryError
from api.notify.addresses import METADATA, allowed_addresses, refusal

PUBLIC = ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = [
    "127.0.0.1", "127.8.9.1", "::1", "0.0.0.0", "::", "10.1.2.3", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "169.254.1.1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1",
    "100.64.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "ff02::1", "240.0.0.1",
    "255.255.255.255", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "::127.0.0.1",
    "2002:7f00:1::", "2002:a00:1::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_allowed(address: str):
    assert refusal(address, allow_private=False) is None


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_inside_is_refused_in_every_disguise(address: str):
    assert refusal(address, allow_private=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "fd12:3456::1", "100.64.0.1"])
def test_an_address_inside_is_allowed_if_the_file_says_so(address: str):
    assert refusal(address, allow_private=True) is None


@pytest.mark.parametrize("address", [*map(str, METADATA), "::ffff:169.254.169.254", "224.0.0.1"])
def test_where_clouds_keep_credentials_is_refused_always(address: str):
    assert refusal(address, allow_private=True)
    assert refusal(address, allow_private=False)


def test_a_name_of_this_machine_is_refused():
    with pytest.raises(DeliveryError, match=r"localhost: \S+ is a loopback address"):
        allowed_addresses("localhost", 80, allow_private=False)


def test_one_refused_address_of_several_is_enough():
    with pytest.raises(DeliveryError, match=r"10\.0\.0\.5 is a private address"):
        allowed_addresses(
            "receiver.example", 443, allow_private=False, resolve=lambda *_: ["8.8.8.8", "10.0.0.5"]
        )


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example", "127.1.1.999"])
def test_a_name_that_nobody_knows_is_said_to_be_so(host: str):
    with pytest.raises(DeliveryError, match="cannot be resolved"):
        allowed_addresses(host, 80, allow_private=True)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1"])
def test_an_address_in_odd_figures_is_seen_through(host: str):
    with pytest.raises(DeliveryError, match=r"127.0.0.1 is a loopback|cannot be resolved"):
        allowed_addresses(host, 80, allow_private=False)
