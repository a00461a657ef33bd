import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('studies', '0009_programs_and_webhooks'),
    ]

    operations = [
        migrations.AddField(
            model_name='chatmodel',
            name='is_embedder',
            field=models.BooleanField(default=False, help_text='It answers with embeddings of texts, not with replies: a study’s scorer may learn from them, and it is neither contestant nor judge.', verbose_name='embeds texts'),
        ),
        migrations.AlterField(
            model_name='contestant',
            name='chat_model',
            field=models.ForeignKey(limit_choices_to={'is_embedder': False}, on_delete=django.db.models.deletion.PROTECT, related_name='contestants', to='studies.chatmodel'),
        ),
        migrations.AddConstraint(
            model_name='chatmodel',
            constraint=models.CheckConstraint(condition=models.Q(('is_embedder', False), models.Q(('base_url', ''), _negated=True), _connector='OR'), name='embedder_has_address'),
        ),
    ]
