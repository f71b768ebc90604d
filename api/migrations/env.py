"""Run migrations on the connection that the caller hands over."""

from alembic import context

from api.tables import metadata


def run() -> None:
    """Run what Alembic asks for."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


# Alembic loads this file to run it; whoever only collects doctests has no configuration.
if hasattr(context, "config"):
    run()
