"""Airflow's variables and the state store of a task without an Airflow, for the tests of messages."""

from __future__ import annotations


class Variables(dict):
    """The names and values of the variables, with the methods of `airflow.sdk.Variable`."""

    def set(self, key, value, description):
        assert description
        self[key] = value

    def delete(self, key):
        del self[key]


class StateStore(dict):
    """What the tries of a task keep, with the methods of `context["task_state_store"]`."""

    def set(self, key, value):
        self[key] = value
