"""`{{ text|written:study }}` within a line, `<p{% language_mark study %}>` for a whole element."""

from django import template

from raters.wording import language_mark, written

register = template.Library()
register.filter(written)
register.simple_tag(language_mark)
