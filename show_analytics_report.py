"""Show the trends of the window that was published last."""

from wiki_trends.compat.scripts import show_analytics_report

if __name__ == "__main__":
    show_analytics_report()
