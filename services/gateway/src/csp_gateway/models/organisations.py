"""Customer organisations."""

from pydantic import Field

from csp_gateway.models.base import Body, Resource, View


class Address(Body):
    """A postal address; what is needed depends on the country."""

    line1: str = Field("", max_length=200)
    line2: str | None = Field(None, max_length=200)
    city: str = Field("", max_length=200)
    state: str | None = Field(None, max_length=200)
    postal_code: str | None = Field(None, max_length=200)
    country: str = Field("", max_length=200, examples=["DE"])
    phone: str | None = Field(None, max_length=200)


class Contact(Body):
    """Who gets the mail."""

    first_name: str = Field("", max_length=200)
    last_name: str = Field("", max_length=200)
    email: str = Field("", max_length=200)


class NewCustomer(Body):
    """A customer organisation."""

    name: str = Field("", max_length=200)
    address: Address = Address()
    contact: Contact = Contact()


class Customer(Resource):
    """A customer organisation."""

    name: str
    country: str
    status: str
    labels: dict[str, str] = Field(description="the reseller's own keys and values")


class CustomerDetail(Customer):
    """With what only its owner keeps."""

    address: Address | None
    contact: Contact | None


class CustomerAdded(View):
    """What was made."""

    id: str
    version: int
