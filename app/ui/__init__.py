"""The application: screens and widgets. Everything that knows Textual is here."""
