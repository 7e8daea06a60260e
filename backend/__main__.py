"""The API: python -m backend [serve|migrate]"""

import sys
from pathlib import Path

import uvicorn
from alembic import command
from alembic.config import Config

from backend.app import create_app
from backend.process import configure_logging
from backend.relay.signer import KeyFileError
from backend.settings import Settings, SettingsError
from labelshare.chain import UnknownDeployment

GRACE = 3  # seconds that open answers get when the process is to end; live streams never end by themselves
USAGE = """python -m backend serve     answers HTTP requests (the default)
python -m backend migrate   brings the app's tables up to date"""


def alembic_config(database_url: str) -> Config:
    """Alembic's settings for the app's tables in a database."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["database_url"] = database_url
    return config


def migrate(database_url: str) -> None:
    """Brings the app's tables to the newest revision."""
    command.upgrade(alembic_config(database_url), "head")


def main() -> None:
    configure_logging()
    action = sys.argv[1] if len(sys.argv) > 1 else "serve"
    if action not in ("serve", "migrate") or len(sys.argv) > 2:
        sys.exit(USAGE)
    try:
        settings = Settings.from_environment()
        if action == "migrate":
            migrate(settings.database_url)
            return
        app = create_app(settings)
    except (SettingsError, KeyFileError, UnknownDeployment) as error:
        sys.exit(str(error))
    uvicorn.run(app, host=settings.host, port=settings.port, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE)


if __name__ == "__main__":
    main()
