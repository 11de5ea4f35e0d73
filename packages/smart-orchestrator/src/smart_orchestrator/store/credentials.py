"""Credential providers that use the SDK of a cloud: for profiles, SSO and signed-in users.

obstore reads static keys and the roles of machines without an SDK. When an SDK is needed but not installed, the error names the
extra that installs the SDK.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from smart_orchestrator.errors import MissingExtra
from smart_orchestrator.extras import extra
from smart_orchestrator.store.variables import VariableError

if TYPE_CHECKING:
    from obstore.auth.azure import AzureCredentialProvider
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.auth.google import GoogleCredentialProvider

    from smart_orchestrator.store.aws import AwsSettings
    from smart_orchestrator.store.azure import AzureSettings
    from smart_orchestrator.store.google import GoogleSettings


def create_aws_provider(aws: AwsSettings) -> Boto3CredentialProvider | None:
    """Return a provider of the credentials of an AWS profile, including SSO profiles; None without a profile.

    Raises:
        VariableError: boto3 cannot use the profile, or is not installed.
    """
    if not aws.profile:
        return None
    try:
        with extra("aws"):
            import boto3
            from botocore.exceptions import BotoCoreError
            from obstore.auth.boto3 import Boto3CredentialProvider
    except MissingExtra as missing:
        raise _not_installed(aws.profile_variable, "names a profile", missing) from None
    try:
        return Boto3CredentialProvider(boto3.Session(profile_name=aws.profile))
    except (BotoCoreError, ValueError) as error:
        problem = f"names a profile that cannot be used ({error})"
        raise VariableError(
            aws.profile_variable, problem, "Correct it, or sign in with `aws sso login`."
        ) from None


def create_google_provider(google: GoogleSettings) -> GoogleCredentialProvider | None:
    """Return a provider of Google's application default credentials; None if obstore reads the credentials itself.

    Without a file of credentials, also return None if google-auth is not installed or finds no credentials.

    Raises:
        VariableError: google-auth cannot use the credentials in the file, or is needed but not installed.
    """
    if google.has_credentials or not (google.file_kind or _is_installed("google.auth")):
        return None
    variable = "GOOGLE_APPLICATION_CREDENTIALS"
    try:
        with extra("gcs"):
            from google.auth.exceptions import GoogleAuthError
            from obstore.auth.google import GoogleCredentialProvider
    except MissingExtra as missing:
        raise _not_installed(variable, f"names a file of the kind {google.file_kind}", missing) from None
    try:
        return GoogleCredentialProvider()
    except GoogleAuthError as error:
        if not google.file_kind:
            return None
        raise VariableError(
            variable, f"names credentials that cannot be used ({error})", "Correct it."
        ) from None


def create_azure_provider(azure: AzureSettings) -> AzureCredentialProvider | None:
    """Return a provider of the credentials that Azure's SDK finds, such as those of `az login`.

    None if obstore reads the credentials itself, or if the SDK is not installed.
    """
    if azure.has_credentials or not _is_installed("azure.identity"):
        return None
    with extra("azure"):
        from obstore.auth.azure import AzureCredentialProvider
    return AzureCredentialProvider()


def _is_installed(module: str) -> bool:
    try:
        # For `google.auth`, this imports `google`, which may be missing.
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _not_installed(name: str, problem: str, missing: MissingExtra) -> VariableError:
    fix = f"Install the extra: pip install 'smart-orchestrator[{missing.extra}]', or set static credentials."
    return VariableError(name, f"{problem}, and {missing.package} is not installed", fix)
