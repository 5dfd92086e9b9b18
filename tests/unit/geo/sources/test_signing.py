"""Signed addresses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from geo.errors import InputError, SourceError
from geo.sources.signing import PlanetaryComputerSigner, S3Signer, unsigned
from tests.servers.loopback import Answer, LoopbackServer

BLOB = "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/60/V/UK/B02.tif"


def test_planetary_computer_token_is_asked_for_once_until_it_nears_its_end(transport):
    lifetime = [timedelta(minutes=45)]
    given: list[str] = []

    def token(got):
        given.append(got.path)
        expiry = datetime.now(UTC) + lifetime[0]
        return Answer.of_json({"msft:expiry": expiry.isoformat(), "token": f"sig=t{len(given)}"})

    with LoopbackServer(token) as server:
        sign = PlanetaryComputerSigner(transport, f"{server.url}/token")
        assert sign(BLOB) == f"{BLOB}?sig=t1"
        assert sign(BLOB.replace("B02", "B03")).endswith("?sig=t1")
        assert given == ["/token/sentinel2l2a01/sentinel2-l2"]
        lifetime[0] = timedelta(seconds=30)
        sign(BLOB.replace("sentinel2-l2/", "other/"))
        assert sign(BLOB.replace("sentinel2-l2/", "other/")).endswith("?sig=t3")
        assert sign("https://example.org/x.tif") == "https://example.org/x.tif"


def test_no_token_is_a_sentence(transport):
    with LoopbackServer(lambda got: Answer.of_json({})) as server, pytest.raises(SourceError, match="gave no token"):
        PlanetaryComputerSigner(transport, server.url)(BLOB)


def test_s3_address_needs_keys():
    with pytest.raises(InputError, match="opens only with S3 keys"):
        unsigned("s3://eodata/Sentinel-2/B02.jp2")
    assert unsigned(BLOB) == BLOB


def test_s3_signature_is_amazons_published_example():
    """Amazon S3 API reference, "Authenticating requests: using query parameters", example."""
    signer = S3Signer("https://{bucket}.s3.amazonaws.com", "us-east-1", "AKIAIOSFODNN7EXAMPLE",
                      "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", lifetime_s=86400,
                      now=lambda: datetime(2013, 5, 24, tzinfo=UTC))  # fmt: skip
    assert signer("s3://examplebucket/test.txt") == (
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    assert "wJalr" not in repr(signer)
    assert signer("https://example.org/x") == "https://example.org/x"


def test_one_host_for_all_buckets():
    signer = S3Signer("https://eodata.dataspace.copernicus.eu", "default", "key", "secret")
    address = urlsplit(signer("s3://eodata/Sentinel-2/B02.jp2"))
    assert (address.netloc, address.path) == ("eodata.dataspace.copernicus.eu", "/eodata/Sentinel-2/B02.jp2")
