"""What the officers' pages of every app are made of: cells, sections, records and confirmations.

Nothing here can be edited: a page shows rows, and a button asks before it calls an action.
"""
