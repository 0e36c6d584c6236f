"""The dashboard's script: Streamlit runs it anew at every click."""

from dashboards.menu import main

main()
