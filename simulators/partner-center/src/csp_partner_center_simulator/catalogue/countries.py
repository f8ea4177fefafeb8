"""Facts of the countries a customer may live in (PC 3.2, 3.4)."""

import re
from dataclasses import dataclass, field

# Countries where a customer needs an organisation registration number (PC 3.4, the longer list of PC 16).
REGISTRATION_NUMBER = frozenset(
    [
        "AM",
        "AZ",
        "BY",
        "HU",
        "KZ",
        "KG",
        "MD",
        "RU",
        "TJ",
        "UZ",
        "UA",
        "IN",
        "BR",
        "ZA",
        "PL",
        "AE",
        "SA",
        "TR",
        "TH",
        "VN",
        "MM",
        "IQ",
        "SS",
        "VE",
    ]
)
EUR = frozenset(
    [
        "AT",
        "BE",
        "CY",
        "DE",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PT",
        "SI",
        "SK",
        "BG",
    ]
)
CURRENCIES = {
    "US": "USD", "GB": "GBP", "CH": "CHF", "SE": "SEK", "NO": "NOK", "DK": "DKK",
    "CA": "CAD", "AU": "AUD", "JP": "JPY",
}  # fmt: skip
US_STATES = (
    "AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH "
    "OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY"
)
CA_STATES = "AB BC MB NB NL NS NT NU ON PE QC SK YT"
MX_STATES = (
    "AGS BC BCS CAM CHIS CHIH CDMX COAH COL DGO GTO GRO HGO JAL MEX MICH MOR NAY NL OAX PUE QRO Q.R SLP SIN SON "
    "TAB TAMPS TLAX VER YUC ZAC"
)
CN_STATES = "AH BJ CQ FJ GD GS GX GZ HA HB HE HI HL HN JL JS JX LN NM NX QH SC SD SH SN SX TJ XJ XZ YN ZJ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """What the create form of a country asks for."""

    code: str
    cultures: tuple[str, ...]
    calling_codes: tuple[str, ...]
    postal_regex: str = ""
    state_required: bool = False
    states: tuple[str, ...] = ()
    city_required: bool = True
    phone_regex: str = ""
    vat_supported: bool = False
    vat_regex: str = ""
    tax_id_supported: bool = False
    tax_id_format: str = ""
    languages: tuple[str, ...] = field(default=())

    @property
    def language_codes(self) -> tuple[str, ...]:
        """The two-letter languages of its cultures."""
        return tuple(dict.fromkeys(culture.partition("-")[0] for culture in self.cultures))

    def postal_code_fits(self, code: str) -> bool:
        """Tell whether a postal code has the country's form."""
        return not self.postal_regex or re.fullmatch(self.postal_regex.strip("^$"), code) is not None


def _eu(code: str, cultures: str, calling: str, postal: str, vat: str) -> Country:
    return Country(
        code=code,
        cultures=tuple(cultures.split()),
        calling_codes=(calling,),
        postal_regex=postal,
        vat_supported=True,
        vat_regex=vat,
    )


COUNTRIES = {
    country.code: country
    for country in (
        Country(
            code="US",
            cultures=("en-US", "es-US"),
            calling_codes=("1",),
            postal_regex=r"^\d{5}(-\d{4})?$",
            state_required=True,
            states=tuple(US_STATES.split()),
            phone_regex=r"^(1[ \-\/\.]?)?(\((\d{3})\)|(\d{3}))[ \-\/\.]?(\d{3})[ \-\/\.]?(\d{4})$",
            tax_id_supported=True,
        ),
        Country(
            code="CA",
            cultures=("en-CA", "fr-CA"),
            calling_codes=("1",),
            postal_regex=r"^[A-Za-z]\d[A-Za-z] ?\d[A-Za-z]\d$",
            state_required=True,
            states=tuple(CA_STATES.split()),
        ),
        Country(
            code="MX",
            cultures=("es-MX",),
            calling_codes=("52",),
            postal_regex=r"^\d{5}$",
            state_required=True,
            states=tuple(MX_STATES.split()),
            tax_id_supported=True,
        ),
        Country(
            code="CN",
            cultures=("zh-CN",),
            calling_codes=("86",),
            postal_regex=r"^\d{6}$",
            state_required=True,
            states=tuple(CN_STATES.split()),
        ),
        _eu("DE", "de-DE", "49", r"^\d{5}$", r"^DE\d{9}$"),
        _eu("AT", "de-AT", "43", r"^\d{4}$", r"^ATU\d{8}$"),
        _eu("NL", "nl-NL", "31", r"^\d{4} ?[A-Za-z]{2}$", r"^NL\d{9}B\d{2}$"),
        _eu("BE", "nl-BE fr-BE", "32", r"^\d{4}$", r"^BE[01]\d{9}$"),
        _eu("FR", "fr-FR", "33", r"^\d{5}$", r"^FR[0-9A-Z]{2}\d{9}$"),
        _eu("ES", "es-ES", "34", r"^\d{5}$", r"^ES[0-9A-Z]\d{7}[0-9A-Z]$"),
        _eu("IT", "it-IT", "39", r"^\d{5}$", r"^IT\d{11}$"),
        _eu("PT", "pt-PT", "351", r"^\d{4}-\d{3}$", r"^PT\d{9}$"),
        _eu("IE", "en-IE", "353", r"^[A-Za-z0-9]{3} ?[A-Za-z0-9]{4}$", r"^IE\d[0-9A-Z]\d{5}[A-Z]{1,2}$"),
        _eu("LU", "fr-LU de-LU", "352", r"^\d{4}$", r"^LU\d{8}$"),
        _eu("FI", "fi-FI sv-FI", "358", r"^\d{5}$", r"^FI\d{8}$"),
        _eu("DK", "da-DK", "45", r"^\d{4}$", r"^DK\d{8}$"),
        _eu("SE", "sv-SE", "46", r"^\d{3} ?\d{2}$", r"^SE\d{12}$"),
        _eu("PL", "pl-PL", "48", r"^\d{2}-\d{3}$", r"^PL\d{10}$"),
        _eu("CZ", "cs-CZ", "420", r"^\d{3} ?\d{2}$", r"^CZ\d{8,10}$"),
        _eu("HU", "hu-HU", "36", r"^\d{4}$", r"^HU\d{8}$"),
        _eu("RO", "ro-RO", "40", r"^\d{6}$", r"^RO\d{2,10}$"),
        _eu("GR", "el-GR", "30", r"^\d{3} ?\d{2}$", r"^EL\d{9}$"),
        _eu("GB", "en-GB", "44", r"^[A-Za-z]{1,2}\d[A-Za-z\d]? ?\d[A-Za-z]{2}$", r"^GB(\d{9}|\d{12})$"),
        Country(
            code="CH", cultures=("de-CH", "fr-CH", "it-CH"), calling_codes=("41",), postal_regex=r"^\d{4}$"
        ),
        Country(code="NO", cultures=("nb-NO",), calling_codes=("47",), postal_regex=r"^\d{4}$"),
        Country(code="AU", cultures=("en-AU",), calling_codes=("61",), postal_regex=r"^\d{4}$"),
        Country(code="NZ", cultures=("en-NZ",), calling_codes=("64",), postal_regex=r"^\d{4}$"),
        Country(code="JP", cultures=("ja-JP",), calling_codes=("81",), postal_regex=r"^\d{3}-?\d{4}$"),
        Country(
            code="IN",
            cultures=("en-IN", "hi-IN"),
            calling_codes=("91",),
            postal_regex=r"^\d{6}$",
            tax_id_supported=True,
        ),
        Country(
            code="BR",
            cultures=("pt-BR",),
            calling_codes=("55",),
            postal_regex=r"^\d{5}-?\d{3}$",
            tax_id_supported=True,
        ),
        Country(code="ZA", cultures=("en-ZA",), calling_codes=("27",), postal_regex=r"^\d{4}$"),
        Country(code="TR", cultures=("tr-TR",), calling_codes=("90",), postal_regex=r"^\d{5}$"),
        Country(code="AE", cultures=("en-AE", "ar-AE"), calling_codes=("971",)),
        Country(code="SA", cultures=("ar-SA",), calling_codes=("966",), postal_regex=r"^\d{5}(-\d{4})?$"),
        Country(code="SG", cultures=("en-SG",), calling_codes=("65",), postal_regex=r"^\d{6}$"),
        Country(code="UA", cultures=("uk-UA",), calling_codes=("380",), postal_regex=r"^\d{5}$"),
    )
}


def country(code: str) -> Country | None:
    """Give the country, or None when Microsoft does not sell there (or the code is none)."""
    return COUNTRIES.get(code.upper())


def currency_of(code: str) -> str:
    """Give the currency prices of a market are in."""
    code = code.upper()
    return "EUR" if code in EUR else CURRENCIES.get(code, "USD")
