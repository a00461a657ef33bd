"""What an endpoint may be described as."""

from datetime import timedelta

import pytest

from studies.providers import Endpoint, EndpointError


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "LAB_2_API_KEY"])
def test_a_key_is_named_by_its_variable(name: str) -> None:
    assert Endpoint("https://8.8.8.8/v1", "m", key_variable=name).key_variable == name


@pytest.mark.parametrize(
    "name",
    ["SECRET_KEY", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "sk-proj-1234", "_API_KEY",
     "my_api_key", "A_API_KEY\n"],
)  # fmt: skip
def test_no_other_secret_of_the_server_can_be_named(name: str) -> None:
    with pytest.raises(EndpointError, match="no name for a key"):
        Endpoint("https://8.8.8.8/v1", "m", key_variable=name)


def test_parameters_do_not_say_what_the_request_says() -> None:
    with pytest.raises(EndpointError, match="model, stream can't be a parameter"):
        Endpoint("https://8.8.8.8/v1", "m", parameters={"stream": False, "model": "other"})


def test_a_timeout_leaves_time() -> None:
    with pytest.raises(EndpointError, match="no time"):
        Endpoint("https://8.8.8.8/v1", "m", timeout=timedelta(0))


def test_what_was_given_can_be_changed_without_changing_the_endpoint() -> None:
    parameters: dict[str, object] = {"temperature": 0.5}
    endpoint = Endpoint("https://8.8.8.8/v1", "m", parameters=parameters)
    parameters["temperature"] = 2
    assert endpoint.parameters == {"temperature": 0.5}
