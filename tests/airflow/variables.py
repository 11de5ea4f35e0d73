"""Airflow's variables without an Airflow, for the tests of messages."""

from __future__ import annotations


class Variables(dict):
    """The names and values of the variables, with the methods of `airflow.sdk.Variable`."""

    def set(self, key, value, description):
        assert description
        self[key] = value

    def delete(self, key):
        del self[key]
