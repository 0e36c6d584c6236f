"""Agents of others: behind a URL, by a contract that is small enough to be written in an afternoon.

``contract`` says what is sent and what has to come back, ``signature`` how both sides know each other,
``transport`` sends one request, ``agent`` turns an answer into a reply or a ticket for a person.
"""
