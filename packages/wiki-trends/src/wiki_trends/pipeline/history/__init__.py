"""The exact daily views of pages whose usual views the lists do not show: which pages, the requests, and their store in the lake."""
